package code

import (
	"strings"

	"midstream/flow"
)

// secretField tells whether the value of a field lets others in.
func secretField(name string) bool {
	switch strings.ToLower(name) {
	case "authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-auth-token", "x-access-token", "x-goog-api-key",
		"x-csrf-token", "x-xsrf-token", "x-amz-security-token", "private-token", "x-vault-token":
		return true
	}
	return false
}

// secretKeys are what a query calls such a value.
var secretKeys = []string{"access_token", "api_key", "apikey", "auth", "key", "password", "secret", "sig", "signature", "token", "x-amz-signature"}

// secrets names what lets others in.
func (r *request) secrets() []string {
	return append(secretFields(r.fields), secretQuery(r.target)...)
}

func secretFields(fields flow.Fields) (names []string) {
	for _, f := range fields {
		if secretField(f.Name) && !replaced(f.Value) {
			names = appendOnce(names, strings.ToLower(f.Name))
		}
	}
	return names
}

func secretQuery(target string) (names []string) {
	_, query, _ := strings.Cut(target, "?")
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name = strings.ToLower(name)
		for _, key := range secretKeys {
			if name == key && value != "" && !replaced(value) {
				names = appendOnce(names, name+" in the query")
			}
		}
	}
	return names
}

// replaced tells that a value is what stands for a credential.
func replaced(value string) bool {
	return strings.HasPrefix(value, "[redacted:") && strings.HasSuffix(value, "]")
}
