//go:build !linux

package store

import (
	"errors"
	"os"
)

// punch gives the room of octets that are zero back to the disk.
func punch(*os.File, span) error { return errors.ErrUnsupported }
