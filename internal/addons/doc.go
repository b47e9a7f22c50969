// Package addons is what rules do: a folder for each kind, and the list of them.
//
//	[]*rule.Rule ──Build──► Before: block_list, anticache, ...   scripts   After: map_remote, ...
//
// Build makes addons of a list of rules; which kinds there are, and in which
// order they run, stands in kinds.go alone. Rules of one kind run in the order of
// the list. Functions may be called at once.
package addons
