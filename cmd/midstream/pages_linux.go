package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// dropStartPages gives back the pages of the program that only its start has
// needed: code and constants, which the system reads again from its cache where
// they are needed after all. A mapping that may be written to, or that holds a
// page of its own in memory, is left alone: what is there is nowhere else.
func dropStartPages() {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer f.Close()
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	var m mapping
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		if next, ok := parseMapping(line); ok {
			m = next
			continue
		}
		// The last line of a mapping that counts; it stands behind its addresses.
		if own, ok := strings.CutPrefix(line, "Anonymous:"); ok && strings.TrimSpace(own) == "0 kB" && m.path == self && m.constant() {
			unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED)
		}
	}
}

// mapping is one mapping of the process, as the first line of its entry says.
type mapping struct {
	from, to     uintptr
	access, path string
}

// constant tells that nothing can be written to it and nobody shares it.
func (m mapping) constant() bool {
	return len(m.access) == 4 && m.access[1] == '-' && m.access[3] == 'p'
}

// parseMapping reads the first line of an entry of /proc/PID/smaps; ok is false on
// any other.
func parseMapping(line string) (m mapping, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 5 {
		return m, false
	}
	low, high, ok := strings.Cut(fields[0], "-")
	if !ok {
		return m, false
	}
	from, err1 := strconv.ParseUint(low, 16, strconv.IntSize)
	to, err2 := strconv.ParseUint(high, 16, strconv.IntSize)
	if err1 != nil || err2 != nil || from >= to {
		return m, false
	}
	m = mapping{from: uintptr(from), to: uintptr(to), access: fields[1]}
	if len(fields) > 5 {
		m.path = strings.Join(fields[5:], " ")
	}
	return m, true
}
