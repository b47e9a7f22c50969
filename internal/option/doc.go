// Package option is the one place where midstream's options are declared, read
// and changed: name, type, default, help and flag of each, and the values of
// all of them with where each value came from.
//
//	Builtin() ──► Registry ◄── Add (scripts)
//	                 ▲ Load: defaults, config.yaml, MIDSTREAM_*, then --set and flags as they stand
//	                 ▼
//	  typed getters · Update + Subscribe · View (JSON) · Markdown, help, man
//
// A change is all or nothing: when one value is wrong or one subscriber refuses,
// everything is as it was before. Secret values leave the package only through
// a getter; they are in no text, no JSON and no error that it makes.
//
// It knows nothing of what an option means: whoever uses a value checks what
// its type does not say, and refuses it in a subscriber.
//
// All methods of a Registry may be called at once. Getters take no lock.
package option
