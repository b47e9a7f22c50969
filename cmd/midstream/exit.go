package main

import (
	"errors"
	"fmt"
)

// The exit codes of every command.
const (
	exitDone    = 0 // all is done
	exitFailed  = 1 // it could not be done
	exitUsage   = 2 // a flag, option, argument or script that makes no sense
	exitPartial = 3 // done but not all, or a difference or a fault was found
)

// A codedError ends the program with a code of its own.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// usageError makes an error that ends the program with code 2.
func usageError(format string, args ...any) error {
	return &codedError{exitUsage, fmt.Errorf(format, args...)}
}

// partialError makes an error that ends the program with code 3.
func partialError(format string, args ...any) error {
	return &codedError{exitPartial, fmt.Errorf(format, args...)}
}

// exitCode returns the code a command's error stands for; 1 where it says
// nothing itself.
func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	var c *codedError
	if errors.As(err, &c) {
		return c.code
	}
	return exitFailed
}
