//go:build !linux && !darwin && !windows

package body

// freeDisk does not know.
func freeDisk(string) (free int64, known bool) { return 0, false }
