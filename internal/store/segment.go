package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Pos is a place in a stream of segments: the segment's number in the upper
// half, the offset in its file in the lower one. 0 is no place.
type Pos uint64

func posOf(segment uint32, offset int64) Pos { return Pos(segment)<<32 | Pos(uint32(offset)) }

// Segment returns the number of the segment.
func (p Pos) Segment() uint32 { return uint32(p >> 32) }

// Offset returns the offset in the segment's file.
func (p Pos) Offset() int64 { return int64(uint32(p)) }

func (p Pos) String() string { return fmt.Sprintf("%06d.seg+%d", p.Segment(), p.Offset()) }

// The two streams of segments. The numbers are on disk and never change.
const (
	headsStream  = 1
	bodiesStream = 2
)

func streamFolder(stream uint8) string {
	if stream == headsStream {
		return "heads"
	}
	return "bodies"
}

// The start of a segment: magic, version, stream, number, session, CRC.
const (
	segmentMagic   = "MIDSTSEG"
	segmentVersion = 1
	segmentHeader  = 32
)

func appendSegmentHeader(dst []byte, stream uint8, number uint32, session [8]byte) []byte {
	at := len(dst)
	dst = append(dst, segmentMagic...)
	dst = binary.LittleEndian.AppendUint16(dst, segmentVersion)
	dst = append(dst, stream, 0)
	dst = binary.LittleEndian.AppendUint32(dst, number)
	dst = append(dst, session[:]...)
	dst = append(dst, 0, 0, 0, 0)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[at:], castagnoli))
}

// checkSegmentHeader tells why p is not the start of the segment.
func checkSegmentHeader(p []byte, stream uint8, number uint32) error {
	if len(p) < segmentHeader || string(p[:8]) != segmentMagic {
		return fmt.Errorf("not a segment of a session")
	}
	if v := binary.LittleEndian.Uint16(p[8:]); v > segmentVersion {
		return fmt.Errorf("the segment has version %d, this midstream reads up to %d: use a newer midstream", v, segmentVersion)
	}
	if crc32.Checksum(p[:segmentHeader-4], castagnoli) != binary.LittleEndian.Uint32(p[segmentHeader-4:]) {
		return fmt.Errorf("the segment's header is damaged")
	}
	if p[10] != stream || binary.LittleEndian.Uint32(p[12:]) != number {
		return fmt.Errorf("the file is another segment than its name says")
	}
	return nil
}

func segmentPath(dir string, stream uint8, number uint32) string {
	return filepath.Join(dir, streamFolder(stream), fmt.Sprintf("%06d.seg", number))
}

// segmentFile is one segment on disk.
type segmentFile struct {
	number uint32
	size   int64
	pinned bool // mostly of marked flows: it stays as it is
}

// listSegments returns the segments of a stream in their order.
func listSegments(dir string, stream uint8) ([]segmentFile, error) {
	entries, err := os.ReadDir(filepath.Join(dir, streamFolder(stream)))
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	var list []segmentFile
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".seg")
		if !ok || len(name) < 6 {
			continue
		}
		n, err := strconv.ParseUint(name, 10, 32)
		if err != nil || n == 0 || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // removed meanwhile
		}
		list = append(list, segmentFile{number: uint32(n), size: info.Size()})
	}
	slices.SortFunc(list, func(a, b segmentFile) int { return int(int64(a.number) - int64(b.number)) })
	return list, nil
}
