package store

import (
	"time"

	"midstream/flow"
)

// appendBefore writes what hooks changed as it was; base is when the flow began.
func appendBefore(dst []byte, b *flow.Before, base time.Time) []byte {
	dst, at := openNested(dst, tagBefore)
	for _, name := range b.By {
		dst = appendString(dst, tagBy, name)
	}
	if b.Request != nil {
		dst = appendRequest(dst, tagWasRequest, b.Request, base)
	}
	if b.Response != nil {
		dst = appendResponse(dst, tagWasResponse, b.Response, base)
	}
	dst = appendOriginal(dst, tagWasRequestBody, b.RequestBody)
	dst = appendOriginal(dst, tagWasAnswerBody, b.ResponseBody)
	return closeNested(dst, at)
}

func appendOriginal(dst []byte, tag uint64, o *flow.Original) []byte {
	if o == nil {
		return dst
	}
	dst, at := openNested(dst, tag)
	dst = appendInt(dst, tagFirst, o.Size)
	dst = appendString(dst, tagSecond, string(o.Octets))
	dst = appendString(dst, tagThird, string(o.SHA256))
	return closeNested(dst, at)
}

// mostBy bounds the names that are read.
const mostBy = 256

func decodeBefore(p []byte) (*flow.Before, error) {
	b := new(flow.Before)
	err := values(p, func(v value) error {
		switch v.tag {
		case tagBy:
			if len(b.By) < mostBy {
				b.By = append(b.By, v.string())
			}
		case tagWasRequest:
			return decodeInto(&b.Request, v, decodeRequest)
		case tagWasResponse:
			return decodeInto(&b.Response, v, decodeResponse)
		case tagWasRequestBody:
			return decodeInto(&b.RequestBody, v, decodeOriginal)
		case tagWasAnswerBody:
			return decodeInto(&b.ResponseBody, v, decodeOriginal)
		}
		return nil
	})
	return b, err
}

func decodeOriginal(p []byte) (*flow.Original, error) {
	o := new(flow.Original)
	err := values(p, func(v value) error {
		switch v.tag {
		case tagFirst:
			o.Size = v.int()
		case tagSecond:
			o.Octets = append([]byte(nil), v.octets...)
		case tagThird:
			o.SHA256 = append([]byte(nil), v.octets...)
		}
		return nil
	})
	return o, err
}
