package ca

import (
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net/url"
	"time"
)

// crlDays is how long a list of revoked certificates is valid: clients may keep
// it as long, and it says nothing that changes.
const crlDays = 7

// CRLPath is the path of CRL at any host (see CRL).
func (a *Authority) CRLPath() string {
	return fmt.Sprintf("/midstream-%x.crl", a.cert.SerialNumber)
}

// CRL makes the list of the certificates that were revoked, in DER: an empty one
// (RFC 5280 section 5). Some clients take no certificate without such a list, so a
// leaf names one where the server's own certificate does, at the same host.
func (a *Authority) CRL() ([]byte, error) {
	now := a.now()
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: newSerial(), ThisUpdate: now.Add(-time.Hour), NextUpdate: now.AddDate(0, 0, crlDays),
	}, a.cert, a.key)
	if err != nil {
		return nil, fmt.Errorf("make the list of revoked certificates: %w", err)
	}
	return der, nil
}

// crlOf is where a leaf for a server of the certificate says that its list is, ""
// for none.
func (a *Authority) crlOf(server *x509.Certificate) string {
	if server == nil || a.cert.KeyUsage&x509.KeyUsageCRLSign == 0 || len(a.cert.SubjectKeyId) == 0 {
		return ""
	}
	for _, point := range server.CRLDistributionPoints {
		if u, err := url.Parse(point); err == nil && u.Scheme == "http" && u.Host != "" && len(u.Host) <= 255 {
			return (&url.URL{Scheme: "http", Host: u.Host, Path: a.CRLPath()}).String()
		}
	}
	return ""
}
