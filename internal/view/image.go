package view

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
)

// magic is how images begin.
var magic = []struct {
	at          int
	start, kind string
}{
	{0, "\x89PNG\r\n\x1a\n", "PNG"},
	{0, "GIF87a", "GIF"},
	{0, "GIF89a", "GIF"},
	{0, "\xff\xd8\xff", "JPEG"},
	{8, "WEBP", "WebP"},
	{0, "BM", "BMP"},
	{0, "\x00\x00\x01\x00", "ICO"},
	{4, "ftypavif", "AVIF"},
	{4, "ftypavis", "AVIF"},
	{4, "ftypheic", "HEIC"},
	{4, "ftypmif1", "HEIF"},
	{0, "II*\x00", "TIFF"},
	{0, "MM\x00*", "TIFF"},
}

func imageKind(start []byte) string {
	for _, m := range magic {
		if len(start) < m.at+len(m.start) || string(start[m.at:m.at+len(m.start)]) != m.start {
			continue
		}
		switch {
		case m.kind == "WebP" && string(start[:4]) != "RIFF",
			m.kind == "BMP" && (len(start) < 26 || binaryLE32(start[14:]) > 256),
			m.kind == "ICO" && (len(start) < 22 || start[4] == 0):
			continue
		}
		return m.kind
	}
	return ""
}

func binaryLE32(p []byte) uint32 { return binary.LittleEndian.Uint32(p) }

func showImage(s *source, p *page) error {
	if strings.HasSuffix(s.in.media(), "svg+xml") {
		return showXML(s, p)
	}
	body := s.all()
	if imageKind(body) == "" {
		return errors.New("it is no image of a known kind")
	}
	for _, line := range imageLines(body) {
		pair(p, line[0], line[1])
	}
	if s.trunc {
		s.trunc = false // what was read is enough
		return nil
	}
	pair(p, "bytes", fmt.Sprint(len(body)))
	return nil
}

// imageLines are what the start of an image says of it.
func imageLines(body []byte) [][2]string {
	kind := imageKind(body)
	out := [][2]string{{"kind", kind}}
	width, height, more := dimensions(kind, body)
	if width > 0 && height > 0 {
		out = append(out, [2]string{"size", fmt.Sprintf("%d x %d", width, height)})
	}
	return append(out, more...)
}

func dimensions(kind string, p []byte) (width, height int, more [][2]string) {
	var config image.Config
	err := errors.New("not looked at")
	switch kind {
	case "PNG":
		config, err = png.DecodeConfig(bytes.NewReader(p))
	case "GIF":
		config, err = gif.DecodeConfig(bytes.NewReader(p))
	case "JPEG":
		config, err = jpeg.DecodeConfig(bytes.NewReader(p))
	case "WebP":
		return webp(p)
	case "BMP":
		h := int(int32(binaryLE32(p[22:])))
		if h < 0 && h > -1<<31 {
			h = -h // rows from the top
		}
		return int(int32(binaryLE32(p[18:]))), h, nil
	case "ICO":
		return ico(p)
	case "AVIF", "HEIC", "HEIF":
		if i := bytes.Index(p[:min(len(p), 64<<10)], []byte("ispe")); i >= 0 && len(p) >= i+16 {
			return int(binary.BigEndian.Uint32(p[i+8:]) & 0x7fffffff), int(binary.BigEndian.Uint32(p[i+12:]) & 0x7fffffff), nil
		}
	}
	if err != nil {
		return 0, 0, nil
	}
	if name := colours(config.ColorModel); name != "" {
		more = append(more, [2]string{"colours", name})
	}
	if kind == "PNG" {
		more = append(more, pngText(p)...)
	}
	return config.Width, config.Height, more
}

func colours(m color.Model) string {
	switch m {
	case color.GrayModel:
		return "grey"
	case color.Gray16Model:
		return "grey, 16 bits"
	case color.RGBAModel, color.YCbCrModel:
		return "colour"
	case color.NRGBAModel:
		return "colour with transparency"
	case color.RGBA64Model, color.NRGBA64Model:
		return "colour, 16 bits"
	case color.CMYKModel:
		return "CMYK"
	}
	if palette, ok := m.(color.Palette); ok {
		return fmt.Sprintf("a palette of %d", len(palette))
	}
	return ""
}

// pngText finds the texts of a PNG (section 11.3.3 of its specification).
func pngText(p []byte) (out [][2]string) {
	for at := 8; at+12 <= len(p) && len(out) < 16; {
		size := int64(binary.BigEndian.Uint32(p[at:]))
		kind := string(p[at+4 : at+8])
		end := int64(at) + 8 + size
		if end+4 > int64(len(p)) {
			break
		}
		if kind == "tEXt" && size < 4<<10 {
			if name, text, ok := bytes.Cut(p[at+8:end], []byte{0}); ok {
				out = append(out, [2]string{string(name), readable(text)})
			}
		}
		at = int(end) + 4
	}
	return out
}

func webp(p []byte) (int, int, [][2]string) {
	if len(p) < 30 {
		return 0, 0, nil
	}
	switch string(p[12:16]) {
	case "VP8 ":
		return int(binary.LittleEndian.Uint16(p[26:]) & 0x3fff), int(binary.LittleEndian.Uint16(p[28:]) & 0x3fff), nil
	case "VP8L":
		bits := binaryLE32(p[21:])
		return int(bits&0x3fff) + 1, int(bits>>14&0x3fff) + 1, [][2]string{{"coding", "lossless"}}
	case "VP8X":
		var more [][2]string
		if p[20]&2 != 0 {
			more = append(more, [2]string{"animated", "yes"})
		}
		return int(binaryLE32(p[24:])&0xffffff) + 1, int(binaryLE32(append([]byte(nil), p[27], p[28], p[29], 0))) + 1, more
	}
	return 0, 0, nil
}

func ico(p []byte) (int, int, [][2]string) {
	side := func(b byte) int {
		if b == 0 {
			return 256
		}
		return int(b)
	}
	n := int(binary.LittleEndian.Uint16(p[4:]))
	return side(p[6]), side(p[7]), [][2]string{{"pictures", fmt.Sprint(n)}}
}
