// Package jsonedit changes single values of a JSON text and leaves every other octet
// as it is.
//
//	{"a": {"b": 1, "c": 2}}   $.a.b = 7, without $.a.c   ──►  {"a": {"b": 7}}
//
// A path is $.name, $..name, $.list[*].name, $.list[0] or $['a name']; the $ may be
// left out. The package is pure, and its functions may be called at once.
package jsonedit
