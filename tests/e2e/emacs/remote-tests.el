;;; remote-tests.el --- A project on another host, by TRAMP  -*- lexical-binding: t; -*-

;;; Code:

(require 'support)
(require 'tramp)

;; The other host is a shell on this one, as in TRAMP's own tests.
(add-to-list 'tramp-methods '("shell" (tramp-login-program "sh") (tramp-login-args (("-i")))
                              (tramp-remote-shell "/bin/sh") (tramp-remote-shell-args ("-c"))
                              (tramp-connection-timeout 20)))
(add-to-list 'tramp-default-host-alist `("\\`shell\\'" nil ,(system-name)))
(setq tramp-persistency-file-name nil tramp-verbose 1 aid-command (list (executable-find "aid") "connect"))

(aid-deftest aid-remote-project-has-its-daemon-there ()
  (aid-test-replies '(:match "rename cents" :reply "RENAME"))
  (let* ((aid-test-root (concat "/shell::" aid-test-root)) (default-directory aid-test-root)
         (aid-test-root (file-truename aid-test-root))
         (price (aid-test-open "lib/price.ml")))
    (with-current-buffer price
      (should (file-remote-p aid-root))
      (should (string-prefix-p "file:///tmp/" (aid-document-uri aid--document)))
      (goto-char (point-max))
      (insert "(* é, not saved *)\n")
      (aid-test-wait "the build" (lambda () (string-match-p "AID:green" (aid--mode-line)))))
    (let ((default-directory aid-test-root)) (aid-test-chat))
    (should (string-match-p (format "aid-root: %S -->" aid-root) (string-replace " -*-" "" (buffer-string))))
    (aid-test-send "rename cents to amount")
    (aid-test-answered)
    (aid-accept-all nil)
    (aid-test-said "accepted .*lib/price.ml")
    (should (string-match-p "amount : int\\(.\\|\n\\)*é, not saved" (aid-test-text price)))
    (should (string-match-p "Price.amount" (aid-test-disk "lib/basket.ml")))
    (aid-undo)
    (aid-test-said "taken back")
    (should-not (string-match-p "amount" (aid-test-text price)))))

(provide 'remote-tests)
;;; remote-tests.el ends here
