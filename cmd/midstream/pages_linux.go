package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// programPages are the mappings of the program's code and constants. What of them is
// in memory, the system has in its cache, too, and maps it again, around each page that
// is needed: most are not.
type programPages struct {
	mu       sync.Mutex
	constant []mapping
	dropped  time.Time
}

// dropEvery is how often pages are given back while memory is in use: what is needed
// is mapped again within milliseconds.
const dropEvery = 2 * time.Second

// drop gives the pages back that only the start has needed.
func (p *programPages) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.constant == nil {
		p.constant = constantMappings()
		if piecesOf(p.constant) <= maxMappings()/mappingsShare {
			for _, m := range p.constant {
				m.cut()
			}
		}
	}
	p.dropped = time.Now()
	for _, m := range p.constant {
		// Where the system refuses, they stay.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED)
	}
}

// dropAgain gives back those that have gathered since, after drop was called once.
func (p *programPages) dropAgain(now time.Time) {
	p.mu.Lock()
	due := p.constant != nil && now.Sub(p.dropped) >= dropEvery
	p.mu.Unlock()
	if due {
		p.drop()
	}
}

// constantMappings are those of the program that may be mapped again at any time. One
// that may be written to, or that holds a page of its own in memory, is left alone:
// what is there is nowhere else.
func constantMappings() []mapping {
	list := []mapping{}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return list
	}
	defer f.Close()
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return list
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
			list = append(list, m)
		}
	}
	return list
}

// mappingsShare is the part of the mappings that a process may have which its program
// may become: 10,000 of 65,530 are usual, and memory is made of mappings, too.
const mappingsShare = 4

// piecesOf is how many mappings cut makes of these.
func piecesOf(list []mapping) (n int) {
	for _, m := range list {
		n += int(m.to-m.from) / os.Getpagesize()
	}
	return n
}

// maxMappings is how many mappings a process may have; 0 where that is not known.
func maxMappings() int {
	text, _ := os.ReadFile("/proc/sys/vm/max_map_count")
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}

// cut makes a mapping of each page, for the system maps nothing beyond the end of one:
// of the 64 KiB that it maps at once otherwise, most are not needed. Neighbours must
// not be alike, so every second is left out of core dumps, where pages of a program
// are not in the first place.
func (m mapping) cut() {
	page := uintptr(os.Getpagesize())
	for at := m.from; at < m.to; at += 2 * page {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, at, page, unix.MADV_DONTDUMP)
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
