package svcb

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"midstream/flow"
	"midstream/hook"
)

// mediaType is that of a DNS message (RFC 8484 section 6).
const mediaType = "application/dns-message"

// maxMessage bounds a message: DNS counts its octets in 16 bits.
const maxMessage = 1<<16 - 1

// Answers tells whether a response carries a DNS message.
func Answers(m *flow.Message) bool {
	media, _, _ := strings.Cut(m.Fields.Get("Content-Type"), ";")
	return flow.EqualFold(flow.TrimSpace(media), mediaType)
}

// Record is a record of a service.
type Record = dnsmessage.SVCBResource

// Edit has change look at each record of a service in a DNS message, and packs the
// message anew where it has changed one, which it tells.
func Edit(message []byte, change func(*Record) bool) (now []byte, changed bool, err error) {
	if len(message) > maxMessage {
		return nil, false, errors.New("it is longer than a DNS message can be")
	}
	var m dnsmessage.Message
	if err := m.Unpack(message); err != nil {
		return nil, false, fmt.Errorf("read the DNS message: %w", err)
	}
	for _, section := range [][]dnsmessage.Resource{m.Answers, m.Authorities, m.Additionals} {
		for i := range section {
			switch r := section[i].Body.(type) {
			case *dnsmessage.HTTPSResource:
				changed = change(&r.SVCBResource) || changed
			case *dnsmessage.SVCBResource:
				changed = change(r) || changed
			}
		}
	}
	if !changed {
		return message, false, nil
	}
	if now, err = m.Pack(); err != nil {
		return nil, false, fmt.Errorf("write the DNS message: %w", err)
	}
	return now, true, nil
}

// Apply is Edit for the body of a response that was held. Where it cannot be done, a
// finding says so and the response stays as it is.
func Apply(x *hook.Exchange, change func(*Record) bool) (changed bool) {
	b := &x.Response.Body
	fail := func(err error) bool {
		x.Find("dns-unchanged", "the DNS message in the response was left as it came: "+err.Error())
		return false
	}
	if b.Access() != hook.Editable {
		return fail(errors.New("it could not be held"))
	}
	if b.Len() == 0 {
		return false
	}
	p, err := b.Content()
	if err != nil {
		return fail(err)
	}
	now, changed, err := Edit(p, change)
	if err != nil {
		return fail(err)
	}
	if !changed {
		return false
	}
	if err := b.SetContent(now); err != nil {
		return fail(err)
	}
	return true
}

// StripECH takes the keys for Encrypted Client Hello out of a record (RFC 9848).
func StripECH(r *Record) bool { return remove(r, dnsmessage.SVCParamECH) }

// StripH3 takes HTTP/3 out of the protocols of a record (RFC 9460 section 7.1).
func StripH3(r *Record) bool {
	list, ok := r.GetParam(dnsmessage.SVCParamALPN)
	if !ok {
		return false
	}
	kept, some := make([]byte, 0, len(list)), false
	for rest := list; len(rest) > 0; {
		n := int(rest[0])
		if n == 0 || n >= len(rest) {
			return false // no list of protocols
		}
		id := string(rest[1 : 1+n])
		if id == "h3" || strings.HasPrefix(id, "h3-") {
			some = true
		} else {
			kept = append(kept, rest[:1+n]...)
		}
		rest = rest[1+n:]
	}
	switch {
	case !some:
		return false
	case len(kept) > 0:
		r.SetParam(dnsmessage.SVCParamALPN, kept)
		return true
	}
	// no-default-alpn must not stand without alpn.
	remove(r, dnsmessage.SVCParamNoDefaultALPN)
	return remove(r, dnsmessage.SVCParamALPN)
}

// remove takes a parameter out of a record, and out of those that a client must
// understand (RFC 9460 section 8).
func remove(r *Record, key dnsmessage.SVCParamKey) bool {
	if !r.DeleteParam(key) {
		return false
	}
	list, ok := r.GetParam(dnsmessage.SVCParamMandatory)
	if !ok {
		return true
	}
	var kept []byte
	for ; len(list) >= 2; list = list[2:] {
		if dnsmessage.SVCParamKey(list[0])<<8|dnsmessage.SVCParamKey(list[1]) != key {
			kept = append(kept, list[:2]...)
		}
	}
	if len(kept) == 0 {
		r.DeleteParam(dnsmessage.SVCParamMandatory)
	} else {
		r.SetParam(dnsmessage.SVCParamMandatory, kept)
	}
	return true
}
