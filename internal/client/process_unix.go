//go:build !windows

package client

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// passedOn are the signals that the program gets from us. Those of job control
// and of the terminal's size reach it by themselves, and what a program is
// started to ignore it ignores itself.
func passedOn() []os.Signal {
	return []os.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2}
}

// hasItAlready tells whether the program has had the signal too: a terminal
// sends those of its keys to the whole group in its foreground, which the
// program is in.
func hasItAlready(s os.Signal) bool {
	if s != syscall.SIGINT && s != syscall.SIGQUIT {
		return false
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY, 0)
	if err != nil {
		return false // no terminal
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
