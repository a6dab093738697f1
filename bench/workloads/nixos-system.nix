# The derivation path of a NixOS system: openssh, nginx, grub, a root file system of ext4.
nixpkgs:
(import (nixpkgs + "/nixos") {
  system = "x86_64-linux";
  configuration = {
    boot.loader.grub.device = "/dev/sda";
    fileSystems."/" = {
      device = "/dev/sda1";
      fsType = "ext4";
    };
    services.openssh.enable = true;
    services.nginx.enable = true;
  };
}).system.drvPath
