package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestParseMapping(t *testing.T) {
	for line, want := range map[string]mapping{
		"00400000-0161d000 r-xp 00000000 fe:00 10199467                           /usr/bin/midstream": {0x400000, 0x161d000, "r-xp", "/usr/bin/midstream"},
		"0161d000-027f1000 r--p 0121d000 fe:00 10199467 /opt/with two  spaces/midstream":              {0x161d000, 0x27f1000, "r--p", "/opt/with two spaces/midstream"},
		"7ffff7fc1000-7ffff7fc5000 r--p 00000000 00:00 0                          [vvar]":             {0x7ffff7fc1000, 0x7ffff7fc5000, "r--p", "[vvar]"},
		"c000000000-c000400000 rw-p 00000000 00:00 0":                                                 {0xc000000000, 0xc000400000, "rw-p", ""},
		"Rss:               12916 kB":                                                                 {}, "": {}, "x-y r-xp 0 0 0 z": {}, "2000-1000 r-xp 0 0 0 z": {},
		"VmFlags: rd ex mr mw me": {},
	} {
		got, ok := parseMapping(line)
		if ok != (want != mapping{}) || ok && got != want {
			t.Errorf("%q: %+v, %v, want %+v", line, got, ok, want)
		}
	}
}

func TestOnlyConstantMappingsAreGivenBack(t *testing.T) {
	for access, want := range map[string]bool{"r-xp": true, "r--p": true, "rw-p": false, "r-xs": false, "---p": true, "": false} {
		if got := (mapping{access: access}).constant(); got != want {
			t.Errorf("%q: %v, want %v", access, got, want)
		}
	}
}

// The program goes on with the pages that it needs.
func TestTheProgramGoesOnWithoutItsStartPages(t *testing.T) {
	before := fmt.Sprintf("%v %q", map[string]int{"a": 1}, "text")
	pages := new(programPages)
	pages.dropAgain(time.Now())
	if pages.constant != nil {
		t.Error("pages are given back before the start is over")
	}
	for range 3 {
		pages.drop()
		pages.dropAgain(time.Now().Add(time.Hour))
		if after := fmt.Sprintf("%v %q", map[string]int{"a": 1}, "text"); after != before {
			t.Fatalf("%s, then %s", before, after)
		}
	}
}

func TestTheProgramHasConstantMappings(t *testing.T) {
	list := constantMappings()
	for _, m := range list {
		if !m.constant() || m.to <= m.from {
			t.Errorf("%+v", m)
		}
	}
	if len(list) == 0 {
		t.Error("none was found")
	}
}

func TestMappingsAreCutIntoPieces(t *testing.T) {
	page := os.Getpagesize()
	pages := 8 * page
	p, err := unix.Mmap(-1, 0, pages, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(p)
	from := uintptr(unsafe.Pointer(&p[0]))
	mapping{from: from, to: from + uintptr(pages)}.cut()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	pieces := 0
	for line := range strings.Lines(string(maps)) {
		if m, ok := parseMapping(line); ok && m.from >= from && m.to <= from+uintptr(pages) {
			pieces++
			if m.to-m.from != uintptr(page) {
				t.Errorf("a piece of %d octets", m.to-m.from)
			}
		}
	}
	if pieces != 8 {
		t.Errorf("%d pieces", pieces)
	}
}
