// Package script runs addons written in JavaScript or TypeScript inside the
// process, behind the interfaces of package hook.
//
//	file ──esbuild──► bundle ──goja──► engine (one, or one a core)
//	                                     │ module and its addons: objects with hooks
//	Host ──Addons──► hook.Set ──► addon ─┤ enter · call · leave
//	  ▲ poll: a changed file is a new version; the old one ends after its last flow
//	hook.Stream ──► chunks, generator, lines: transforms that run a script's function
//
// An engine is a monitor around one runtime: a goroutine that has work for it
// enters, runs JavaScript and leaves; what awaits waits outside. So a hook that
// awaits holds its own flow only, and script values need no lock. What computes
// for longer than script_timeout is interrupted.
//
// The names that scripts see are those of mitmproxy's Python API; docs/scripts.md
// is the manual and docs/midstream.d.ts its types. Options are kept elsewhere, behind
// the interface Options. Where a body goes, and whether it is held, is decided
// by the engine of exchanges; a script only wishes.
//
// A Host may be used by several goroutines at once; so may its addons.
package script
