// Package redaction puts [redacted:TAG] in the place of credentials in all that
// midstream keeps and shows of a flow. The wire never sees it.
//
//	flow.Flow ──► Picture ──► heads, targets, findings, errors, comments
//
//	octets ─► decode ─► form │ JSON │ multipart │ events │ frames ─► patterns ─► encode ─► record
//	                        what may begin a match is held back, the rest leaves at once
//
// Rules say what a credential is: Parse reads them. A Redactor applies them with
// the key of one session; it is what an engine calls its Redactor, and Flow is
// the redaction of one flow. TAG is the beginning of an HMAC of the credential, so
// that equal ones have equal tags inside a session, and nobody can try candidates
// who has not the key. The key of a session is made of its ID and of a master key
// that lies in confdir, in no session and in no export.
//
// What cannot be looked into, as a body in an unknown coding, is not kept, and the
// flow says why. Who calls the package decides what is kept and shown; it knows no
// files but that of the master key.
//
// A Redactor and a Flow may be used by several goroutines at once; what Body
// returns belongs to one.
package redaction
