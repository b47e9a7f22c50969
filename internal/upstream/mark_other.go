//go:build !linux

package upstream

import "syscall"

func setMark(syscall.RawConn, uint32) {}
