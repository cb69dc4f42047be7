package registry

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// special are the blocks that are not of the public internet though they look it: IANA's special-purpose registries for IPv4, and for
// what lies in 2000::/3 of IPv6, and the address at which every Azure machine finds its host.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"168.63.129.16/32",
	"2001::/23", "2001:db8::/32", "2002::/16", "3ffe::/16", "3fff::/20",
)

// global is all there is of public IPv6. Outside of it are loopback, ULA, link-local, multicast and what maps IPv4 (NAT64, v4-compatible).
var global = netip.MustParsePrefix("2000::/3")

func prefixes(cidrs ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(cidrs))
	for i, s := range cidrs {
		all[i] = netip.MustParsePrefix(s)
	}
	return all
}

// publicAddr reports whether addr is of the public internet. An IPv4-mapped address is judged as the IPv4 address that is dialled for it.
func publicAddr(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" {
		return false
	}
	addr = addr.Unmap()
	if addr.Is6() && !global.Contains(addr) {
		return false
	}
	for _, p := range special {
		if p.Contains(addr) {
			return false
		}
	}
	return true
}

// oddNumber reports whether host is one that some resolvers take for an IPv4 address, but is not written as one: 2130706433, 0x7f.1,
// 0177.0.0.1. No public name ends in a number.
func oddNumber(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	last := strings.TrimSuffix(host, ".")
	last = last[strings.LastIndexByte(last, '.')+1:]
	if strings.Trim(last, "0123456789") == "" {
		return true
	}
	_, err := strconv.ParseUint(last, 0, 64)
	return err == nil
}

// splitHost splits host[:port], in lower case and without an IPv6 address's brackets.
func splitHost(hostport string) (host, port string) {
	u := url.URL{Host: strings.ToLower(hostport)}
	return u.Hostname(), u.Port()
}

// sameSite reports whether two hosts are one, or belong to one registered domain, as registry.gitlab.com and gitlab.com do.
func sameSite(a, b string) bool {
	if a == b {
		return true
	}
	if oddNumber(a) || oddNumber(b) || net.ParseIP(a) != nil || net.ParseIP(b) != nil {
		return false
	}
	siteA, errA := publicsuffix.EffectiveTLDPlusOne(a)
	siteB, errB := publicsuffix.EffectiveTLDPlusOne(b)
	return errA == nil && errB == nil && siteA == siteB
}

// allowList holds the registries allowed by name, as "host" or "host:port".
type allowList map[string]bool

func newAllowList(names []string) allowList {
	list := allowList{}
	for _, n := range names {
		n = strings.ToLower(strings.TrimSpace(n))
		if host, port, err := net.SplitHostPort(n); err == nil {
			list[net.JoinHostPort(host, port)] = true
		} else if n != "" {
			list[strings.Trim(n, "[]")] = true
		}
	}
	return list
}

// has reports whether u's host is allowed, on any port or on u's.
func (l allowList) has(u *url.URL) bool {
	host, port := splitHost(u.Host)
	if port == "" {
		port = map[string]string{"http": "80"}[u.Scheme]
	}
	if port == "" {
		port = "443"
	}
	return l[host] || l[net.JoinHostPort(host, port)]
}
