//go:build unix

package pyhost

import (
	"os/exec"
	"syscall"
)

// isolate keeps the signals of the terminal from the process: it is told to end.
func isolate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
