/** Longer texts are cut before anything else; no error text needs more. */
const MAX_SEARCHED = 65_536

// Bounded, so that no text makes the search slow. Up to the last `@`: a password may hold one that is not encoded.
const URL_CREDENTIALS = /(:\/\/)[^\s"'<>]{1,512}@/g
const ASSIGNED_SECRETS =
  /\b(password|passwd|pwd|secret|token|access_token|client_secret|api[_-]?key)(["']?=["']?)[^\s"'&,;]{1,512}/gi

/**
 * The text with credentials of URLs (`https://user:word@host`) and of `password=…`, `token=…` and the like replaced by
 * `***`. For texts that libraries made, such as errors: what may be secret without such a sign stays.
 */
export function redactSecrets(text: string): string {
  const searched = text.length > MAX_SEARCHED ? text.slice(0, MAX_SEARCHED) : text
  const withoutUrls = searched.includes('://') ? searched.replace(URL_CREDENTIALS, '$1***@') : searched
  return withoutUrls.includes('=') ? withoutUrls.replace(ASSIGNED_SECRETS, '$1$2***') : withoutUrls
}
