//go:build !windows

package ca

import "os"

func isRoot() bool { return os.Geteuid() == 0 }
