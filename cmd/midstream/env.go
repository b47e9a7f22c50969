package main

import (
	"io"
	"os"
)

// env is what a command may know of the world outside. Commands never use
// os.Stdin, os.Stdout, os.Getenv and os.Args themselves, so that a test can
// run them in the process.
type env struct {
	stdin  io.Reader
	stdout io.Writer // data only
	stderr io.Writer // everything else
	// getenv is os.Getenv; environ is os.Environ.
	getenv  func(string) string
	environ func() []string
	// args is the command line, args[0] the name the program was called by.
	args []string
	// home returns the home folder of the user.
	home func() (string, error)
	// exit ends the process at once; only a second signal uses it.
	exit func(code int)
}

// systemEnv is the env of this process.
func systemEnv() *env {
	return &env{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		getenv: os.Getenv, environ: os.Environ,
		args: os.Args, home: os.UserHomeDir, exit: os.Exit,
	}
}
