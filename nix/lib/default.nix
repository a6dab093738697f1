# What needs neither packages nor a system: functions of the language alone. Works with every Nix.
{
  dynamicDrv = import ./dynamic-drv.nix;
}
