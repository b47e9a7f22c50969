// Package pyhost runs addons that are written in Python for mitmproxy, each script
// in a Python process of its own beside the proxy.
//
//	hook.Set ──► addon ──► process ══frames══► midstream_host ──► the script
//	               │          ▲   ◄══answers══   (lib/, its own package mitmproxy)
//	               │          └ body, options, codings: asked for while a hook runs
//	               └ picture: what the script was told of a flow, so that only changes travel
//
// lib/ is Python, standard library only; it lies in the binary and is laid out in
// the configuration folder. A frame is a length, a JSON head and octets; it
// travels on a socket pair, never on the standard streams: scripts print. A body
// travels when a script touches it, a piece of a body when it set a stream
// function, and then one piece at a time.
//
// A process that dies, hangs or talks nonsense fails the hooks that wait for it and
// is started again, with pauses; what else passes is not touched. JavaScript is
// package script's; where a body goes is decided by the engine of exchanges.
//
// A Host may be used by several goroutines at once; so may its addons.
package pyhost
