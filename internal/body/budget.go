package body

import (
	"errors"
	"fmt"
	"sync"
)

// Limits bound what held bodies may take, in bytes; 0 takes the default.
type Limits struct {
	BodyMemory int64 // memory of one body before it goes to a file; 256 KiB
	Memory     int64 // memory of all bodies together; 32 MiB
	Body       int64 // length of one body; 1 GiB
	Disk       int64 // files of all bodies together; 8 GiB, and never more than half of the free disk
}

const (
	defaultBodyMemory = 256 << 10
	defaultMemory     = 32 << 20
	defaultBody       = 1 << 30
	defaultDisk       = 8 << 30
)

// ErrTooLarge is what errors.Is finds in the error of a Write that a Spool
// refused because of a limit or because the disk failed.
var ErrTooLarge = errors.New("the body is too large to be held")

// LimitError says which limit kept a body from being held, or which failure of
// the disk. It is an ErrTooLarge.
type LimitError struct {
	What  string // the limit in words
	Limit int64  // bytes; 0 for a failure
	Err   error  // the failure of the disk, nil for a limit
}

func (e *LimitError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("hold body: %s: %v", e.What, e.Err)
	}
	return fmt.Sprintf("hold body: %s (%d bytes) is reached", e.What, e.Limit)
}

// Is makes it an ErrTooLarge.
func (e *LimitError) Is(target error) bool { return target == ErrTooLarge }

// Unwrap returns the failure of the disk.
func (e *LimitError) Unwrap() error { return e.Err }

// Budget is what all held bodies of a process share. Its methods may be called
// at once.
type Budget struct {
	dir    string
	limits Limits

	mu     sync.Mutex
	memory int64 // guarded by mu: bytes of memory in use
	disk   int64 // guarded by mu: bytes of files in use
}

// NewBudget returns a budget whose files lie in dir, which is made when the
// first body needs it.
func NewBudget(dir string, limits Limits) *Budget {
	def := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&limits.BodyMemory, defaultBodyMemory)
	def(&limits.Memory, defaultMemory)
	def(&limits.Body, defaultBody)
	def(&limits.Disk, defaultDisk)
	return &Budget{dir: dir, limits: limits}
}

// InUse tells how much memory and disk the held bodies take now, in bytes.
func (b *Budget) InUse() (memory, disk int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.memory, b.disk
}

func (b *Budget) takeMemory(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.memory+n > b.limits.Memory {
		return false
	}
	b.memory += n
	return true
}

// takeDisk reserves n bytes of the disk, which holds these files already, so
// that half of what would be free without them is the most they may take.
func (b *Budget) takeDisk(n int64) error {
	free, known := freeDisk(b.dir)
	b.mu.Lock()
	defer b.mu.Unlock()
	limit := b.limits.Disk
	if known {
		limit = min(limit, (free+b.disk)/2)
	}
	if b.disk+n > limit {
		return &LimitError{What: "the disk space for held bodies", Limit: limit}
	}
	b.disk += n
	return nil
}

func (b *Budget) give(memory, disk int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.memory -= memory
	b.disk -= disk
}
