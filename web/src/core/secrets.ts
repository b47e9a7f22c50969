// Fields whose value lets others in, in lower case: those that --redact replaces.
export const secretFields: ReadonlySet<string> = new Set([
  'authorization', 'proxy-authorization', 'x-authorization', 'x-forwarded-authorization', 'x-original-authorization',
  'x-amzn-remapped-authorization', 'cookie', 'cookie2', 'set-cookie', 'set-cookie2', 'x-api-key', 'api-key',
  'apikey', 'x-apikey', 'x-api-token', 'x-api-secret', 'x-goog-api-key', 'x-rapidapi-key', 'x-functions-key',
  'x-master-key', 'dd-api-key', 'dd-application-key', 'ocp-apim-subscription-key', 'x-algolia-api-key',
  'x-typesense-api-key', 'x-litellm-api-key', 'x-auth-token', 'x-auth-key', 'x-auth', 'x-access-token',
  'x-refresh-token', 'x-id-token', 'x-session-token', 'x-session-id', 'x-user-token', 'x-token', 'token',
  'x-csrf-token', 'x-xsrf-token', 'x-csrftoken', 'x-amz-security-token', 'x-amz-sso_bearer_token',
  'x-goog-iam-authorization-token', 'x-goog-iap-jwt-assertion', 'private-token', 'job-token', 'deploy-token',
  'x-gitlab-token', 'x-vault-token', 'x-consul-token', 'x-client-secret', 'x-secret', 'x-shopify-access-token',
  'x-figma-token', 'x-plex-token', 'x-emby-token', 'x-auth-apikey', 'x-ms-token-aad-access-token',
  'x-ms-token-aad-id-token', 'x-ms-client-principal', 'cf-access-client-secret', 'cf-access-jwt-assertion',
  'cf-access-token', 'dpop', 'authentication', 'x-hub-token', 'passcode',
])

// secret says whether a value is shown only when it is asked for. What was replaced
// when it was recorded is none.
export const secret = (name: string, value: string): boolean =>
  value !== '' && secretFields.has(name.toLowerCase()) && !/^\[redacted:[0-9a-f]{12}\]$/.test(value)

// The dots do not say how long it is.
export const dots = '••••••••'
