# A reading room: its book server as a package, a shell to work on it, and a machine that runs it.
{
  description = "Lends books to a house";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-24.05";
    covers = {
      url = "git+https://git.example.org/covers";
      flake = false;
    };
  };

  outputs = { self, nixpkgs, covers }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" ];

      # One attribute for each system.
      forAll = make:
        nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});

      version = "0.9.2";

      common = {
        meta.license = "eupl12";
        doCheck = true;
      };
    in
    {
      packages = forAll (pkgs: rec {
        default = server;

        server = pkgs.buildGoModule (common // {
          pname = "reading-room";
          inherit version;
          src = ./.;
          vendorHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
          nativeBuildInputs = [ pkgs.makeWrapper ];
          postInstall = ''
            wrapProgram $out/bin/reading-room \
              --set COVERS ${covers}
          '';
        });

        page = pkgs.runCommand "page" { nativeBuildInputs = [ pkgs.pandoc ]; } ''
          pandoc ${./README.md} --standalone --output $out
        '';
      });

      devShells = forAll (pkgs: {
        default = pkgs.mkShell {
          packages = with pkgs; [ go gopls sqlite ];
          READING_ROOM_DATA = "./data";
          shellHook = "mkdir -p data";
        };
      });

      overlays.default = final: previous: {
        reading-room = self.packages.${final.system}.server;
      };

      nixosModules.default = { config, lib, pkgs, ... }:
        let
          cfg = config.services.reading-room;
          port = toString cfg.port;
        in
        {
          options.services.reading-room = {
            enable = lib.mkEnableOption "the reading room";

            port = lib.mkOption {
              type = lib.types.port;
              default = 8090;
            };

            data = lib.mkOption {
              type = lib.types.path;
              default = "/var/lib/reading-room";
            };
          };

          config = lib.mkIf cfg.enable {
            users.users.reading-room = {
              isSystemUser = true;
              group = "reading-room";
            };
            users.groups.reading-room = { };

            systemd.services.reading-room = {
              description = "The reading room";
              wantedBy = [ "multi-user.target" ];
              serviceConfig = {
                ExecStart = "${pkgs.reading-room}/bin/reading-room --port ${port}";
                User = "reading-room";
                ProtectSystem = "strict";
                ReadWritePaths = [ cfg.data ];
              };
            };
          };
        };

      formatter = forAll (pkgs: pkgs.nixpkgs-fmt);
    };
}
