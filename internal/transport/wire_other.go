//go:build !unix

package transport

import (
	"net"
	"syscall"
)

// rawConn returns nil: here a reader holds its buffer while it waits.
func rawConn(net.Conn) syscall.RawConn { return nil }

func (w *wire) tryRead(uintptr) bool { return true }

func pollRead(uintptr) bool { return true }

func (w *wire) pollWrite(uintptr) bool { return true }

func (w *wire) tryWrite(uintptr) bool { return true }

func (w *wire) sendSome(p []byte) (int, error) { return w.Conn.Write(p) }
