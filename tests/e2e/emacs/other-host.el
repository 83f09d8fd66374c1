;;; other-host.el --- A project on another host, by TRAMP's ssh  -*- lexical-binding: t; -*-

;;; Code:

(require 'support)
(require 'tramp)

(setq tramp-persistency-file-name nil tramp-verbose 1 aid-command (list (executable-find "aid") "connect"))

(aid-deftest aid-other-host-has-the-daemon ()
  (aid-test-replies '(:match "rename cents" :reply "RENAME"))
  (let ((price (aid-test-open "lib/price.ml")))
    (with-current-buffer price
      (should (equal (file-remote-p aid-root) "/ssh:other:"))
      (should (equal (aid-document-uri aid--document) "file:///mnt/work/lib/price.ml"))
      (goto-char (point-max))
      (insert "(* é, not saved *)\n")
      (aid-test-wait "the build" (lambda () (string-match-p "AID:green" (aid--mode-line)))))
    (let ((roots (plist-get (json-parse-string (aid-test-ask "aid" "status" "--json") :object-type 'plist) :workspaces)))
      (should (equal (mapcar (lambda (each) (plist-get each :root)) roots) '("/mnt/work")))
      (should-not (file-exists-p "/mnt/work")))
    (aid-test-chat)
    (should (string-match-p (format "aid-root: %S " aid-root) (buffer-string)))
    (aid-test-send "rename cents to amount")
    (aid-test-answered)
    (aid-accept-all nil)
    (aid-test-said "accepted .*lib/price.ml")
    (should (string-match-p "amount : int\\(.\\|\n\\)*é, not saved" (aid-test-text price)))
    (should (string-match-p "Price.amount" (aid-test-disk "lib/basket.ml")))
    (should-not (string-match-p "amount" (aid-test-disk "lib/price.ml")))
    (aid-append-diff)
    (should (string-match-p "^attached: diff\n```diff\n\\(.*\n\\)*\\+.*Price\\.amount" (buffer-string)))
    (aid-undo)
    (aid-test-said "taken back")
    (should-not (string-match-p "amount" (aid-test-text price)))
    (with-current-buffer price
      (aid-test-at "price.cents * 2")
      (search-forward "cents *")
      (backward-delete-char 3)
      (save-buffer)
      (aid-test-wait "a diagnostic" #'flymake-diagnostics)
      (should (string-match-p "AID:red: 1 error" (aid--mode-line))))))

(provide 'other-host)
;;; other-host.el ends here
