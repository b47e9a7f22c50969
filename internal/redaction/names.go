package redaction

// fieldNames are the fields whose whole value is a credential, in lower case. The
// lists of this file are never changed.
var fieldNames = [...]string{
	"authorization", "proxy-authorization", "x-authorization", "x-forwarded-authorization", "x-original-authorization", "x-amzn-remapped-authorization",
	"cookie", "cookie2", "set-cookie", "set-cookie2",
	"x-api-key", "api-key", "apikey", "x-apikey", "x-api-token", "x-api-secret", "x-goog-api-key", "x-rapidapi-key", "x-functions-key", "x-master-key",
	"dd-api-key", "dd-application-key", "ocp-apim-subscription-key", "x-algolia-api-key", "x-typesense-api-key", "x-litellm-api-key",
	"x-auth-token", "x-auth-key", "x-auth", "x-access-token", "x-refresh-token", "x-id-token", "x-session-token", "x-session-id", "x-user-token", "x-token", "token",
	"x-csrf-token", "x-xsrf-token", "x-csrftoken", "x-amz-security-token", "x-amz-sso_bearer_token", "x-goog-iam-authorization-token", "x-goog-iap-jwt-assertion",
	"private-token", "job-token", "deploy-token", "x-gitlab-token", "x-vault-token", "x-consul-token", "x-client-secret", "x-secret", "x-shopify-access-token",
	"x-figma-token", "x-plex-token", "x-emby-token", "x-auth-apikey", "x-ms-token-aad-access-token", "x-ms-token-aad-id-token", "x-ms-client-principal",
	"cf-access-client-secret", "cf-access-jwt-assertion", "cf-access-token", "dpop", "authentication", "x-hub-token", "passcode",
}

// paramNames are what a query or a form calls a credential.
var paramNames = [...]string{
	"access_token", "accesstoken", "access_key", "api_key", "apikey", "api-key", "x-api-key", "api_token", "apitoken", "auth", "auth_token", "authtoken", "authorization",
	"client_secret", "clientsecret", "client_assertion", "code_verifier", "assertion", "csrf_token", "csrftoken", "_csrf", "id_token", "idtoken", "id_token_hint",
	"jsessionid", "phpsessid", "jwt", "key", "pass", "passwd", "password", "password_confirmation", "new_password", "old_password", "pwd", "passphrase",
	"private_key", "private_token", "proxy-authorization", "refresh_token", "refreshtoken", "saml_request", "samlresponse", "secret", "secret_key", "session_token",
	"sessiontoken", "sid", "sig", "signature", "subject_token", "actor_token", "token", "x-amz-security-token", "x-amz-signature", "x-goog-signature", "x-auth-token",
	"x-access-token", "cookie", "set-cookie", "hapikey", "subscription-key", "ocp-apim-subscription-key",
}

// memberNames are the members of JSON objects that are a credential at any depth.
// Words that stand for harmless things as well, as "key", are not among them.
var memberNames = [...]string{
	"authorization", "proxy-authorization", "proxy_authorization", "cookie", "set-cookie", "x-api-key", "x-auth-token", "x-access-token", "x-goog-api-key",
	"x-csrf-token", "x-xsrf-token", "x-amz-security-token", "private-token", "x-vault-token",
	"access_token", "accesstoken", "refresh_token", "refreshtoken", "id_token", "idtoken", "session_token", "sessiontoken", "auth_token", "authtoken", "api_token", "apitoken",
	"api_key", "apikey", "api-key", "client_secret", "clientsecret", "client_assertion", "secret_key", "secretkey", "secret_access_key", "secretaccesskey",
	"private_key", "privatekey", "password", "passwd", "passphrase", "new_password", "newpassword", "old_password", "oldpassword", "csrf_token", "csrftoken", "jwt",
}

// schemes are the first words of an Authorization.
var schemes = [...]string{"basic", "bearer", "digest", "token", "negotiate", "ntlm", "apikey", "dpop", "aws4-hmac-sha256"}
