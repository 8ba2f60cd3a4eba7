import { createHmac } from "node:crypto";

/** Who the vectors of spec page "auth-streams", 2.6, are for. */
export const USER_42 = '{"user_id":42}';

const HS256 = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
const UNTIL_2100 = "eyJleHQiOiJ7XCJ1c2VyX2lkXCI6NDJ9IiwiZXhwIjo0MTAyNDQ0ODAwfQ";
const UNTIL_2020 = "eyJleHQiOiJ7XCJ1c2VyX2lkXCI6NDJ9IiwiZXhwIjoxNjAwMDAwMDAwfQ";

/** Tokens of the page, all for the secret `qwerty` unless the name says otherwise. */
export const VECTORS = {
  hs256: `${HS256}.${UNTIL_2100}.Uxr4oQ5VZsZywf29tQY-DvEgxKknDuXlKRGTY9pkRDM`,
  hs384: `eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9.${UNTIL_2100}.ESjIZMIPtkYVHZXRZniPwLKsUiB0BqRxmXWTVnb4DhmdCihpvKo5wXOyfiqJKETW`,
  hs512: `eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.${UNTIL_2100}.KETyZh8qIInnSTQOcQJ5B4epcxixk7Qc_2vQxMc512mbsK8LUAaZb77_sMB3OR6IgiSjfoqHLeH3e2S5LWQ9-w`,
  withoutExp: `${HS256}.eyJleHQiOiJ7XCJ1c2VyX2lkXCI6NDJ9In0.KYdktEfGIMFCbmaFVsQccssw6TO5kwZQuTpKLRp0ebE`,
  emptyObject: `${HS256}.eyJleHQiOiJ7fSIsImV4cCI6NDEwMjQ0NDgwMH0.FzZ4WgsYiiMbZYqq711yyrQzeuHB-pnOQjrrz1R5mWo`,
  expired: `${HS256}.${UNTIL_2020}.X66VmfmZ4VY4okLXYMk704k5ISk2YB73B8spGvgM-O0`,
  expiredAndForged: `${HS256}.${UNTIL_2020}.eZtB9ItdG2hR1rAKMSk2Mo2bZ_418YrTtKtXKxpVdL0`,
  signedWithAsdf: `${HS256}.${UNTIL_2100}.0MFwSiarkfehBa2NZ-NSpQRFuCw8uJ_-bd-N-0zPOlI`,
  unsigned: `eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.${UNTIL_2100}.`,
  futureNbf: `${HS256}.eyJleHQiOiJ7XCJ1c2VyX2lkXCI6NDJ9IiwiZXhwIjo0MTAyNDQ0ODAwLCJuYmYiOjQxMDI0NDQ3MDB9.i7iVvGRHdk3R08Xk4MPiB4njfm3z2nWfnslYAC-jaBM`,
  expIsText: `${HS256}.eyJleHQiOiJ7XCJ1c2VyX2lkXCI6NDJ9IiwiZXhwIjoiNDEwMjQ0NDgwMCJ9.Qu8TZv3Tuk6mfTRp9OHJmhZuVPwl_WNLVOmpasQvlMM`,
  extIsObject: `${HS256}.eyJleHQiOnsidXNlcl9pZCI6NDJ9LCJleHAiOjQxMDI0NDQ4MDB9.psy7amlZ4voNkDFvUw9v8_tsl7xDVvqSYmjR8fb8bP4`,
  withoutExt: `${HS256}.eyJleHAiOjQxMDI0NDQ4MDB9.BNcbik-1701GrjuzjO5UAkYtaT6mMEiK4pQY7tAIjEs`,
} as const;

/** Signs any header and claims text, well-formed or not, as an application would. */
export function signToken(
  claims: string,
  given: { header?: string; secret?: string; hash?: string } = {},
): string {
  const header = given.header ?? '{"alg":"HS256","typ":"JWT"}';
  const signed = `${base64url(header)}.${base64url(claims)}`;
  const mac = createHmac(given.hash ?? "sha256", given.secret ?? "qwerty")
    .update(signed)
    .digest();
  return `${signed}.${mac.toString("base64url")}`;
}

function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}
