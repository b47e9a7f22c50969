package client

import "os"

// passedOn: a console sends Ctrl-C to all that is attached to it; it is caught
// so that it does not end this process before the program.
func passedOn() []os.Signal { return []os.Signal{os.Interrupt} }

func hasItAlready(os.Signal) bool { return true }

func terminate(p *os.Process) error { return p.Kill() }
