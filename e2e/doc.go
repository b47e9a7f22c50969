// Package e2e has the end-to-end tests: the built program between real clients
// and an origin of the tests' own, all on loopback.
//
//	curl, python, node, java,      ┌───────────┐
//	chromium, git, openssl   ────► │ midstream │ ────► origin (TLS and plain)
//	       │                       └─────┬─────┘            │
//	  what it got                 session on disk     what it was asked
//	       └──────────────► compared ◄───┴──────────────────┘
//
// The program is built once for all tests. Each test starts a process of its
// own with a folder of its own, so they may run at once. A client that is not
// installed skips its tests with a word. Nothing is timed: where order matters,
// the origin goes on only after the client has confirmed what came before.
package e2e
