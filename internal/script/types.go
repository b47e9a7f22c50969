package script

import _ "embed"

//go:embed midstream.d.ts
var types string

// Types returns the TypeScript declarations of what scripts see; they are also
// docs/midstream.d.ts.
func Types() string { return types }
