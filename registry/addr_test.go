package registry

import (
	"net/netip"
	"net/url"
	"testing"

	_ "ecs-api/racetest" // for what it does to a process of tests
)

func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"1.1.1.1", "8.8.8.8", "52.95.110.1", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"::ffff:8.8.8.8", "2606:4700:4700::1111", "2001:200::1", "2a00:1450::1", "2003::1",
	} {
		if !publicAddr(netip.MustParseAddr(s)) {
			t.Errorf("%s is public", s)
		}
	}
	for _, s := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.0.1", "169.254.169.254", "169.254.170.2",
		"172.16.0.0", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
		"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16",
		"::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1",
		"2002:a00:1::", "2002:808:808::", "3ffe::1", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%lo", "2606:4700::1%lo", "fec0::1", "ff02::1", "ff0e::1",
	} {
		if publicAddr(netip.MustParseAddr(s)) {
			t.Errorf("%s is not public", s)
		}
	}
	if publicAddr(netip.Addr{}) {
		t.Error("no address is not public")
	}
}

func TestSites(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"ghcr.io", "ghcr.io", true},
		{"index.docker.io", "auth.docker.io", true},
		{"registry.gitlab.com", "gitlab.com", true},
		{"reg.example.co.uk", "auth.example.co.uk", true},
		{"127.0.0.1", "127.0.0.1", true},
		{"reg.example.co.uk", "evil.co.uk", false},
		{"index.docker.io", "docker.io.evil.org", false},
		{"one.github.io", "two.github.io", false},
		{"10.0.0.1", "9.0.0.1", false},
		{"[::1]", "::1", false},
		{"localhost", "registry", false},
		{"com", "example.com", false},
	} {
		if got := sameSite(tt.a, tt.b); got != tt.same {
			t.Errorf("%s and %s: %v, want %v", tt.a, tt.b, got, tt.same)
		}
	}
}

func TestAllowListReadsHostsAndPorts(t *testing.T) {
	t.Parallel()
	l := newAllowList([]string{"", "Any.example.com", "one.example.com:5000", "::1", "[::2]", "[::3]:5000", "secure.example.com:443"})
	for raw, want := range map[string]bool{
		"https://any.example.com": true, "https://ANY.example.com:1": true, "http://any.example.com": true,
		"https://one.example.com:5000": true, "https://one.example.com": false, "https://one.example.com:5001": false,
		"https://[::1]:7": true, "https://[::2]": true, "https://[::3]:5000": true, "https://[::3]": false,
		"https://secure.example.com": true, "http://secure.example.com": false, "https://x.any.example.com": false, "https://": false,
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.has(u); got != want {
			t.Errorf("%s: %v, want %v", raw, got, want)
		}
	}
}
