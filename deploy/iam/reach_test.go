package iam

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// program is the server's own code, as far as it can be reached from main.
type program struct {
	packages []*packages.Package
	bodies   map[*types.Func]body     // of each function and method
	methods  map[string][]*types.Func // concrete ones, by name
	reached  map[*types.Func]bool
	foreign  map[string]bool // the names of methods that interfaces of others have: whoever implements them may be called by others
}

// body is what a function does, with what the type checker knows of it.
type body struct {
	node ast.Node
	info *types.Info
}

// soon are functions that something calls soon. Their rights are asked for already, and they are no errors; once main reaches one, it is removed here.
var soon = []string{}

// server finds out what can be reached from main. The simulated AWS is left out, and so is the generated SDK: nobody calls us from there.
func server(t *testing.T, root string) *program {
	t.Helper()
	linked, err := packages.Load(&packages.Config{Dir: root, Mode: packages.NeedName | packages.NeedImports | packages.NeedDeps}, ".")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	packages.Visit(linked, nil, func(p *packages.Package) {
		if (p.PkgPath == "ecs-api" || strings.HasPrefix(p.PkgPath, "ecs-api/")) && !strings.HasPrefix(p.PkgPath, "ecs-api/localaws") && !strings.HasPrefix(p.PkgPath, "ecs-api/ecs/sdk") {
			paths = append(paths, p.PkgPath)
		}
	})
	p := &program{bodies: map[*types.Func]body{}, methods: map[string][]*types.Func{}, reached: map[*types.Func]bool{}, foreign: map[string]bool{}}
	mode := packages.NeedName | packages.NeedImports | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo
	if p.packages, err = packages.Load(&packages.Config{Dir: root, Mode: mode}, paths...); err != nil {
		t.Fatal(err)
	}
	if packages.PrintErrors(p.packages) > 0 {
		t.Fatal("the code does not compile")
	}
	p.readForeign()
	for _, pkg := range p.packages {
		p.declare(pkg)
	}
	for _, pkg := range p.packages {
		p.enter(pkg)
	}
	p.anticipate(t)
	return p
}

// readForeign collects the names of the methods of interfaces outside of our code.
func (p *program) readForeign() {
	seen := map[*types.Package]bool{}
	var read func(*types.Package)
	read = func(pkg *types.Package) {
		if seen[pkg] {
			return
		}
		seen[pkg] = true
		for _, imported := range pkg.Imports() {
			read(imported)
		}
		if strings.HasPrefix(pkg.Path(), "ecs-api") {
			return
		}
		for _, name := range pkg.Scope().Names() {
			if i, ok := pkg.Scope().Lookup(name).Type().Underlying().(*types.Interface); ok {
				for m := range i.Methods() {
					p.foreign[m.Name()] = true
				}
			}
		}
	}
	p.foreign["Error"] = true
	for _, pkg := range p.packages {
		read(pkg.Types)
	}
}

// declare notes the functions and methods of a package.
func (p *program) declare(pkg *packages.Package) {
	for _, file := range pkg.Syntax {
		for _, d := range file.Decls {
			decl, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			f, _ := pkg.TypesInfo.Defs[decl.Name].(*types.Func)
			p.bodies[f] = body{decl, pkg.TypesInfo}
			if decl.Recv != nil {
				p.methods[f.Name()] = append(p.methods[f.Name()], f)
			}
		}
	}
}

// enter follows what runs without anybody calling it: main, init, and the values of the package's variables.
func (p *program) enter(pkg *packages.Package) {
	for _, file := range pkg.Syntax {
		for _, d := range file.Decls {
			switch decl := d.(type) {
			case *ast.GenDecl:
				p.follow(body{decl, pkg.TypesInfo})
			case *ast.FuncDecl:
				f, _ := pkg.TypesInfo.Defs[decl.Name].(*types.Func)
				called := decl.Recv == nil && (f.Name() == "init" || f.Name() == "main" && pkg.Name == "main")
				if called || decl.Recv != nil && p.foreign[f.Name()] && prefixes[pkg.Name] == "" {
					p.reach(f)
				}
			}
		}
	}
}

// reach follows a function, once.
func (p *program) reach(f *types.Func) {
	f = f.Origin()
	b, ours := p.bodies[f]
	if !ours || p.reached[f] {
		return
	}
	p.reached[f] = true
	p.follow(b)
}

// follow reaches all that a piece of code names.
func (p *program) follow(b body) {
	ast.Inspect(b.node, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		f, ok := b.info.Uses[id].(*types.Func)
		if !ok {
			return true
		}
		p.reach(f)
		if receiver := f.Signature().Recv(); receiver != nil && types.IsInterface(receiver.Type()) {
			for _, m := range p.methods[f.Name()] {
				p.reach(m)
			}
		}
		return true
	})
}

// anticipate reaches what is called soon.
func (p *program) anticipate(t *testing.T) {
	t.Helper()
	for f := range p.bodies {
		if !slices.Contains(soon, f.FullName()) {
			continue
		}
		if p.reached[f] {
			t.Errorf("main reaches %s: remove it from soon in deploy/iam/reach_test.go", f.FullName())
		}
		p.reach(f)
	}
}

// methodOf says whether m is a method of api. Other interfaces of a thin client, such as what it needs of its session, do not call AWS.
func methodOf(api *types.Interface, m *types.Func) bool {
	for own := range api.Methods() {
		if own == m {
			return true
		}
	}
	return false
}

// call is a method of a thin client's interface api, and a function that calls it.
type call struct{ pkg, method, caller string }

// calls returns what the thin clients' reachable functions call of their interfaces api, and the methods of those interfaces that nobody calls,
// and the thin clients' methods that nobody reaches.
func (p *program) calls() (made []call, unused, dead []string) {
	for _, pkg := range p.packages {
		object := pkg.Types.Scope().Lookup("api")
		if object == nil {
			continue
		}
		api, ok := object.Type().Underlying().(*types.Interface)
		if !ok {
			continue
		}
		named := map[string]bool{}
		for f, b := range p.bodies {
			if f.Pkg() != pkg.Types {
				continue
			}
			if !p.reached[f] {
				dead = append(dead, f.FullName())
				continue
			}
			ast.Inspect(b.node, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					if m, ok := b.info.Uses[id].(*types.Func); ok && methodOf(api, m) {
						named[m.Name()] = true
						made = append(made, call{pkg.Name, m.Name(), f.FullName()})
					}
				}
				return true
			})
		}
		for m := range api.Methods() {
			if !named[m.Name()] {
				unused = append(unused, pkg.Name+"."+m.Name())
			}
		}
	}
	slices.Sort(dead)
	slices.Sort(unused)
	slices.SortFunc(made, func(a, b call) int { return strings.Compare(a.pkg+a.method+a.caller, b.pkg+b.method+b.caller) })
	return made, unused, dead
}
