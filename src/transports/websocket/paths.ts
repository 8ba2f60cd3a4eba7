import { ServerError } from "../../messages/server-error.ts";

/** Raw request paths: percent-encoded as they came, no query. */
export interface PathMatcher {
  /** True for a path of the endpoint. */
  matches(path: string): boolean;
  /** True for a path named literally: nothing else may have it. */
  owns(path: string): boolean;
}

/**
 * Compiles path patterns: literal text, `{name}` for one segment, `{name:regex}`, and `*` as the last character for
 * the rest. Literals are looked up, the rest is tried in order of precedence.
 * @throws {ServerError} `invalid_path`, naming the entry
 */
export function compilePaths(patterns: readonly string[]): PathMatcher {
  const literals = new Set<string>();
  const expressions: RegExp[] = [];
  for (const pattern of patterns) {
    if (isLiteral(checked(pattern))) literals.add(pattern);
    else expressions.push(expressionOf(pattern));
  }
  return {
    matches: (path) =>
      literals.has(path) || expressions.some((expression) => expression.test(path)),
    owns: (path) => literals.has(path),
  };
}

function checked(pattern: string): string {
  if (!pattern.startsWith("/")) {
    throw new ServerError("invalid_path", `path must start with "/": "${pattern}"`);
  }
  const star = pattern.indexOf("*");
  if (star >= 0 && star < pattern.length - 1 && !pattern.includes("{")) {
    throw new ServerError("invalid_path", `"*" may only end a path: "${pattern}"`);
  }
  return pattern;
}

function isLiteral(pattern: string): boolean {
  return !/[{}*]/.test(pattern);
}

function expressionOf(pattern: string): RegExp {
  let source = "";
  let rest = pattern;
  while (rest !== "") {
    const placeholder = /^\{([^{}:]+)(?::((?:[^{}]|\{[^{}]*\})+))?\}/.exec(rest);
    if (placeholder !== null) {
      const isLast = rest.length === placeholder[0].length;
      source +=
        placeholder[2] === undefined ? (isLast ? "[^/]+" : "[^/]*") : `(?:${placeholder[2]})`;
      rest = rest.slice(placeholder[0].length);
    } else if (rest === "*") {
      source += ".*";
      rest = "";
    } else if (/^[{}]/.test(rest)) {
      throw new ServerError("invalid_path", `path has a bad placeholder: "${pattern}"`);
    } else {
      source += RegExp.escape(rest.charAt(0));
      rest = rest.slice(1);
    }
  }
  return compiled(source, pattern);
}

function compiled(source: string, pattern: string): RegExp {
  try {
    return new RegExp(`^${source}$`, "s");
  } catch (error) {
    throw badExpression(pattern, error);
  }
}

function badExpression(pattern: string, cause: unknown): ServerError {
  const text = `path has a bad regular expression: "${pattern}"`;
  return new ServerError("invalid_path", text, { cause });
}
