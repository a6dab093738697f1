declare builder='/bin/sh'
declare dependency='/nix/store/l8mnrpbg71crl6dvd1gc5ldkxddnvw78-outputs-1.0-doc'
declare -A flags=(['no']= ['nothing']='' ['yes']=1 )
declare name='structured'
declare -A outputs=(['bin']='/nix/store/010p8hsxawzrfslwyn218rz82hwhlvqy-structured-bin' ['out']='/nix/store/349sm0c9cnaj93g063lmwlr0lyslarfv-structured' )
declare system='x86_64-linux'
declare -A unsafeDiscardReferences=(['bin']=1 ['out']=1 )
