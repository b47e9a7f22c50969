//go:build !windows

package browser

import (
	"errors"
	"syscall"
)

// lives tells whether there is a process of that number.
func lives(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
