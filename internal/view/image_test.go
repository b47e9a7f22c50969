package view

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"midstream/flow"
)

func TestImages(t *testing.T) {
	var pngBody, gifBody, jpegBody bytes.Buffer
	if err := png.Encode(&pngBody, image.NewNRGBA(image.Rect(0, 0, 7, 3))); err != nil {
		t.Fatal(err)
	}
	if err := gif.Encode(&gifBody, image.NewPaletted(image.Rect(0, 0, 4, 5), color.Palette{color.Black, color.White}), nil); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&jpegBody, image.NewGray(image.Rect(0, 0, 9, 8)), nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{pngBody.String(), "kind: PNG|size: 7 x 3|colours: colour with transparency"},
		{pngBody.String()[:40], "kind: PNG|size: 7 x 3|colours: colour with transparency|bytes: 40"},
		{gifBody.String(), "kind: GIF|size: 4 x 5|colours: a palette of 2"},
		{jpegBody.String(), "kind: JPEG|size: 9 x 8|colours: grey"},
		{"RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x03\x40\x00\x00rest.....", "kind: WebP|size: 4 x 2|coding: lossless"},
		{"RIFF\x1a\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\x09\x00\x00\x13\x00\x00", "kind: WebP|size: 10 x 20|animated: yes"},
		{"BM\x00\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x05\x00\x00\x00\xfa\xff\xff\xff", "kind: BMP|size: 5 x 6"},
		{"\x00\x00\x01\x00\x02\x00\x10\x00\x00\x00\x01\x00\x20\x00\x00\x00\x00\x00\x16\x00\x00\x00", "kind: ICO|size: 16 x 256|pictures: 2"},
	} {
		r := show(t, typedInput("application/octet-stream", c[0]), Auto)
		if got := strings.Join(r.Lines, "|"); r.View != "image" || !strings.HasPrefix(got, c[1]) {
			t.Errorf("%s shows %s, want %s", r.View, got, c[1])
		}
	}
	if r := show(t, typedInput("image/png", "no image"), Auto); r.View != "raw" || len(r.Notes) != 1 {
		t.Errorf("%+v", r)
	}
	if r := show(t, typedInput("image/svg+xml", "<svg><g/></svg>"), Auto); r.View != "xml" {
		t.Errorf("%+v", r)
	}
}

func TestWhatIsOutsideOfTheBody(t *testing.T) {
	in := Input{Path: "/a?x=1&y=%C3%A9", Side: flow.ToServer, Fields: flow.Fields{{Name: "Cookie", Value: "a=1; b=2"},
		{Name: "Authorization", Value: "Bearer eyJhbGciOiJub25lIn0.eyJleHAiOjE3MDAwMDAwMDB9."}}}
	for name, want := range map[string]string{
		Auto:      "x: 1|y: é",
		"query":   "x: 1|y: é",
		"cookies": "a: 1|b: 2",
		"jwt":     `// token in Authorization|{|  "alg": "none"|}|{|  "exp": 1700000000|}|// exp is 2023-11-14T22:13:20Z|// signature , not checked`,
	} {
		if got := strings.Join(show(t, in, name).Lines, "|"); got != want {
			t.Errorf("%s shows %s, want %s", name, got, want)
		}
	}
	in = Input{Fields: flow.Fields{{Name: "Set-Cookie", Value: "a=1; Path=/; HttpOnly"}}}
	if got := strings.Join(show(t, in, "cookies").Lines, "|"); got != "a: 1|  Path: /|  HttpOnly:" {
		t.Errorf("shows %s", got)
	}
	for _, name := range []string{"query", "jwt"} {
		if r := show(t, Input{}, name); len(r.Notes) != 1 || len(r.Lines) != 0 {
			t.Errorf("%s of nothing: %+v", name, r)
		}
	}
}
