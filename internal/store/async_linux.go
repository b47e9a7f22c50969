package store

import (
	"errors"
	"io"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// async is the kernel's asynchronous writing (io_submit(2)). A goroutine waits
// for a write as it does for a socket. In a system call that takes as long as
// the disk does it would hold a thread, which Go's scheduler then watches every
// few microseconds: that cost more than the writing itself.
//
//	vector ──io_submit──► kernel ──► disk
//	goroutine ◄──netpoll── eventfd ◄──┘
//
// It belongs to one goroutine and has one write under way at a time.
type async struct {
	context uintptr
	event   *os.File
	vector  []unix.Iovec
	block   controlBlock
	list    [1]*controlBlock
	done    [1]completion
}

// controlBlock is struct iocb, completion struct io_event of linux/aio_abi.h.
type controlBlock struct {
	_      uint64    // data
	_      [2]uint32 // key, flags of the file
	opcode uint16
	_      int16 // priority
	file   uint32
	buffer uint64
	count  uint64
	offset int64
	_      uint64
	flags  uint32
	event  uint32
}

type completion struct {
	_, _      uint64 // data, object
	result, _ int64
}

const (
	opWriteVector = 8 // IOCB_CMD_PWRITEV
	flagEvent     = 1 // IOCB_FLAG_RESFD
)

// newAsync returns nil where the system has no such thing.
func newAsync() asyncWriter {
	a := new(async)
	if _, _, errno := unix.Syscall(unix.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&a.context)), 0); errno != 0 {
		return nil
	}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		a.destroy()
		return nil
	}
	a.event = os.NewFile(uintptr(fd), "eventfd")
	a.block.event = uint32(fd)
	a.list[0] = &a.block
	return a
}

// write writes the buffers, which must not change meanwhile, at offset at.
func (a *async) write(f *os.File, vector [][]byte, at int64) error {
	total := 0
	a.vector = a.vector[:0]
	for _, p := range vector {
		v := unix.Iovec{Base: unsafe.SliceData(p)}
		v.SetLen(len(p))
		a.vector = append(a.vector, v)
		total += len(p)
	}
	defer clear(a.vector)
	a.block.opcode, a.block.flags = opWriteVector, flagEvent
	a.block.file, a.block.offset = uint32(f.Fd()), at
	a.block.buffer = uint64(uintptr(unsafe.Pointer(unsafe.SliceData(a.vector))))
	a.block.count = uint64(len(a.vector))
	_, _, errno := unix.Syscall(unix.SYS_IO_SUBMIT, a.context, 1, uintptr(unsafe.Pointer(&a.list)))
	if errno == unix.EAGAIN || errno == unix.EINTR {
		return writeVector(f, vector, at)
	}
	if errno != 0 {
		return errno
	}
	result := a.await()
	runtime.KeepAlive(vector)
	runtime.KeepAlive(f)
	switch {
	case result < 0:
		return unix.Errno(-result)
	case result != int64(total):
		return writeEach(f, vector, at)
	}
	return nil
}

// await waits for the write under way. It never returns before: the kernel reads
// the buffers until then.
func (a *async) await() int64 {
	var count [8]byte
	for {
		least := uintptr(0)
		if _, err := io.ReadFull(a.event, count[:]); err != nil {
			least = 1 // without the event it waits in the call
		}
		var now unix.Timespec
		wait := uintptr(unsafe.Pointer(&now))
		if least > 0 {
			wait = 0
		}
		n, _, errno := unix.Syscall6(unix.SYS_IO_GETEVENTS, a.context, least, 1, uintptr(unsafe.Pointer(&a.done)), wait, 0)
		switch {
		case errno == unix.EINTR:
		case errno != 0:
			return -int64(errno)
		case n == 1:
			return a.done[0].result
		}
	}
}

func (a *async) close() {
	a.event.Close()
	a.destroy()
}

func (a *async) destroy() { unix.Syscall(unix.SYS_IO_DESTROY, a.context, 0, 0) }

// extend makes f longer, from octets up to to, with room on the disk where the
// file system can do that.
func extend(f *os.File, from, to int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, from, to-from)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINTR) {
		return f.Truncate(to)
	}
	return err
}
