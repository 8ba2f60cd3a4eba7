/** The name itself when it is one of the known ones, else the fallback. */
export function oneOf<const Name extends string, const Other extends string>(
  name: string,
  known: readonly Name[],
  fallback: Other,
): Name | Other {
  return known.find((one) => one === name) ?? fallback;
}
