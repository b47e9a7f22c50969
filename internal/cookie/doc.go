// Package cookie reads cookies as browsers do (RFC 6265): a value may have quotes,
// commas, spaces and JSON in it, and stays as it is written.
//
//	Cookie: a=1; b={"x": 2}           ──Pairs──►    [{a 1} {b {"x": 2}}]
//	Set-Cookie: a=1; Path=/; Max-Age=9 ──ParseSet──► Set{Pair{a 1}, Path /, MaxAge 9 s}
//
// What is done with cookies is for its callers. Its functions are pure.
package cookie
