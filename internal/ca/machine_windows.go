package ca

// isRoot is of no use on Windows: the plan touches the user's own store only.
func isRoot() bool { return false }
