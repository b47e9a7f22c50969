// Package auth says who may use the proxy.
//
//	"user:pass" │ "any" │ "@htpasswd" ──Parse──► Users
//	                                               │
//	user, password ──Check──► known before? ──► the hash ──► yes │ no, after a pause │ too busy
//
// It knows neither HTTP nor SOCKS: who asks, and how the answer is told, is left to
// package proxy. A good answer is remembered, so that an expensive hash is computed
// once for a user and not once for a connection; a bad one comes late, and only a
// bounded number of those is waited for at a time. Users may be asked by many at
// once.
package auth
