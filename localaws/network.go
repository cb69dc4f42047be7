package localaws

// networkState is the subnets and security groups that a region has.
type networkState struct {
	subnets        []subnet
	securityGroups []string
}

// subnet is one subnet of the region's only VPC.
type subnet struct {
	id   string
	zone string // the letter of its availability zone
	cidr string
	// isolated subnets have a route table of their own, which leads nowhere: tasks in them reach no registry. The others use the main one, with a NAT gateway.
	isolated bool
}

// The network that every region of every account has from the start.
const (
	VPC           = "vpc-0a1b2c3d4e5f60001"
	SubnetA       = "subnet-0a1b2c3d4e5f60001"
	SubnetB       = "subnet-0a1b2c3d4e5f60002"
	SubnetC       = "subnet-0a1b2c3d4e5f60003" // without a route out of the VPC: tasks in it cannot pull their images
	SecurityGroup = "sg-0a1b2c3d4e5f60001"
	KMSKey        = "0a1b2c3d-4e5f-4000-8000-000000000001"
	// Namespace is the private DNS namespace "local"; its id is the one that the project's first manual uses.
	Namespace = "ns-y3uaw6neshhbev3f"
)

func newNetworkState() networkState {
	return networkState{
		subnets:        []subnet{{SubnetA, "a", "10.0.0.0/20", false}, {SubnetB, "b", "10.0.16.0/20", false}, {SubnetC, "c", "10.0.32.0/20", true}},
		securityGroups: []string{SecurityGroup},
	}
}

// subnet returns the subnet with the id, or nil.
func (n *networkState) subnet(id string) *subnet {
	for i := range n.subnets {
		if n.subnets[i].id == id {
			return &n.subnets[i]
		}
	}
	return nil
}
