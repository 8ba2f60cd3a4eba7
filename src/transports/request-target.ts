/** Path and query of a request as they came, without the origin that the runtime puts in front. */
export function targetOf(url: string): string {
  // Without a usable Host header it is the target alone.
  if (url.startsWith("/")) return url;
  const start = url.indexOf("://");
  if (start < 0) return url;
  const slash = url.indexOf("/", start + 3);
  return slash < 0 ? "/" : url.slice(slash);
}

/** The path of a target. */
export function pathOf(target: string): string {
  const end = target.search(/[?#]/);
  return end < 0 ? target : target.slice(0, end);
}
