/** True for a name a request header can have. Source: RFC 9110, section 5.6.2, "token". */
export function isHeaderName(name: string): boolean {
  return /^[!#$%&'*+.^_`|~\w-]+$/.test(name);
}
