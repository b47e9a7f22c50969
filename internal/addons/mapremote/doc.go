// Package mapremote sends requests elsewhere: it rewrites their URL.
//
//	http://a.test/x ──every rule that matches, in order──► https://b.test/y ──► dial
//
// An Addon may be used from several goroutines at once.
package mapremote
