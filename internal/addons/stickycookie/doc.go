// Package stickycookie remembers the cookies that servers set and adds them to
// requests.
//
//	Set-Cookie ──► jar[domain, port, path][name] ──► Cookie of requests that a rule means
//
// The jar has at most 3000 cookies; past that the oldest goes. Cookies that have
// expired are removed when a server says so and left out when their time has
// come. An Addon may be used from several goroutines at once.
package stickycookie
