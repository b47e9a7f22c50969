package ca

import (
	"bytes"
	"errors"
	"unsafe"

	"golang.org/x/sys/windows"
)

// systemRoots returns what this user's root store has, DER.
func systemRoots() ([][]byte, error) {
	name, err := windows.UTF16PtrFromString("ROOT")
	if err != nil {
		return nil, err
	}
	store, err := windows.CertOpenSystemStore(0, name)
	if err != nil {
		return nil, err
	}
	defer windows.CertCloseStore(store, 0)
	var list [][]byte
	var cert *windows.CertContext
	for len(list) < maxBundle {
		cert, err = windows.CertEnumCertificatesInStore(store, cert)
		if err != nil {
			if errors.Is(err, windows.Errno(windows.CRYPT_E_NOT_FOUND)) {
				return list, nil
			}
			return nil, err
		}
		if cert == nil {
			return list, nil
		}
		list = append(list, bytes.Clone(unsafe.Slice(cert.EncodedCert, cert.Length)))
	}
	_ = windows.CertFreeCertificateContext(cert) // the loop's end frees the others
	return list, nil
}
