//go:build !windows

package ca

// systemRoots returns what this system trusts, DER.
func systemRoots() ([][]byte, error) { return rootsFrom(rootFiles) }
