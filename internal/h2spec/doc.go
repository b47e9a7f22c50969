// Package h2spec runs the public conformance tests of HTTP/2 (h2spec, RFC 7540
// and RFC 7541) against a server of a test's own. Only tests import it.
//
//	test ─► Build ─► program ─► Run ─► h2spec ═ frames ═► server under test
//	                              └─► what failed, on the test
//
// The program is a pinned build of a module that is fetched once. What the
// server is, and what stands behind it, is the test's own affair. Its functions
// may be called at once.
package h2spec
